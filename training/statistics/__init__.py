"""What a figure is made of, and how sure it is: outcomes by document, bootstrap intervals, paired comparisons."""
