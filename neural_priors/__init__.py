"""The networks that prefer: nothing is shipped yet, the seam is `cspcomposer.priors`."""
