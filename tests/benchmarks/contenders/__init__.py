"""Programs of other stream processors, with packages of their own: see requirements.txt.

They run in another virtual environment than flockwise, so nothing of it is imported here.
"""
