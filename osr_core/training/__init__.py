"""The mathematics of training: losses, Muon and the network of the perceptual loss."""
