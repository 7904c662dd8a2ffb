"""What the language model says about a settled trade.

`analyse_settled` writes the post-mortems that are missing; the schema and the prompt are in `postmortem`.
"""

from include.analysis.analyse import Analysed, analyse_settled
from include.analysis.postmortem import Postmortem

__all__ = ["Analysed", "Postmortem", "analyse_settled"]
