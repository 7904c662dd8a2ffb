"""What the language model says about a settled trade.

`analyse_settled` writes the post-mortems that are missing; `Selection`, `plan_analyses`, `analyse_batch` and
`read_outcomes` are the steps of a run by hand. The schema and the prompt are in `postmortem`. `check_texts`
holds any text of a model against its facts.
"""

from include.analysis.analyse import analyse_settled
from include.analysis.postmortem import Postmortem, check_texts
from include.analysis.requests import Selection, analyse_batch, plan_analyses, read_outcomes
from include.analysis.writing import Analysed

__all__ = [
    "Analysed",
    "Postmortem",
    "Selection",
    "analyse_batch",
    "analyse_settled",
    "check_texts",
    "plan_analyses",
    "read_outcomes",
]
