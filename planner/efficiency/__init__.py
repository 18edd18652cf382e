"""What is not used: what could be given back, which size would do, and what became of advice."""
