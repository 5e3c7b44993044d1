"""How good verdicts were: figures, slices, intervals, and a report of one HTML file.

Looks at verdicts and labels only, never at a model: what `weir replay` wrote is what is judged.
"""
