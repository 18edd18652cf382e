"""Risks to data security and privacy: rules, what they found, and what they could not see."""
