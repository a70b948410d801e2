"""How outcomes change a job, by phase. Imports only the domain.

`apply` handles outcomes from outside, `settle` what follows from the job itself;
`next_action` is their counterpart. Everything here is pure.
"""

from shared.domain.transitions.apply import apply as apply
from shared.domain.transitions.apply import settle as settle
