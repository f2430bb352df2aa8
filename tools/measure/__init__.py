"""What drives the approaches and the recipes, and writes data/results/."""
