"""Real things to run against: a Proxmox VE API double, a private libvirtd, the demo city."""
