"""Where fine-tuning begins: stage (b) of the paper with the part of the budget that (c) leaves it.

It is no row of the tables: the row without fine-tuning, `latent`, has the whole budget.
"""

from dataclasses import replace

from overpose.methods import latent

METHOD = replace(
    latent.METHOD,
    name="begun",
    stage="begun",
    title="Stage (b) before fine-tuning",
    summary="stage (b) as fine-tuning takes it over; no row of its own",
    in_figure=False,
    row=False,
)
