"""Stage 4: carry the verdict out."""
