"""Other formats: what is written for other tools, and read from them."""
