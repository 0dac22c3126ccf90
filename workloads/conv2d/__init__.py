"""Convolution of images with a set of filters, as in neural networks: a cross-correlation, without padding."""
