"""Everything that needs torch: the network, its CRF, training and export. Extra `train`."""
