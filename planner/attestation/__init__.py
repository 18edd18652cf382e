"""What agencies are asked about their guests, what they answer, and how far a round has come."""
