"""The CNN with the term that `finetuned_limbs` has, so that the code's own part is told apart."""

from dataclasses import replace

from overpose.methods import direct

METHOD = replace(
    direct.METHOD,
    name="direct_limbs",
    stage="direct_limbs",
    title="CNN, trained on limbs too (direct_limbs)",
    summary="the CNN straight to the pose, trained on the pose and on the lengths of its limbs",
    in_figure=False,
    in_learning_curve=False,
)
