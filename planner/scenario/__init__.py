"""What-if: changes to an estate, and what they do to its answers. Pure, like all of the planner."""
