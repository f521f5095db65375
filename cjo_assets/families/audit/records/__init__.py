"""Records of runs, files, policies and decisions."""
