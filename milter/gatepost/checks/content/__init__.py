"""What it says: features of the text and the learned model's opinion."""
