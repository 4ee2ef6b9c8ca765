"""Pictures of everyday objects: classes described as data, drawn by one ray-marching kernel (numba)."""
