"""Ours with a term of its own: stage (c) also trained on the lengths of limbs."""

from dataclasses import replace

from overpose.methods import finetuned

METHOD = replace(
    finetuned.METHOD,
    name="finetuned_limbs",
    stage="finetuned_limbs",
    title="Ours, fine-tuned on limbs too (finetuned_limbs)",
    summary="ours, fine-tuned on the pose and on the lengths of its limbs",
    in_figure=False,
    in_learning_curve=False,
)
