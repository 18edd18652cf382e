"""The ground floor: what is known of the estate, and since when."""
