-- How many reports on periods that ended before :before have their files elsewhere than at :location.
SELECT count(*) FROM reports WHERE period_end < :before AND location <> :location
