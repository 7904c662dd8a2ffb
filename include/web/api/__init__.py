"""Routes for programs: `/api/atge` and `/api/cron`. One file a subject; CONTRIBUTING has the recipe.

`build_api` makes the application, over a `WebHost`. Every path stands behind the guard (`guard`),
which knows the caller; refusals are `ApiError` (`errors`); answers are `JsonAnswer` (`encoding`).
"""
