"""What a private libvirtd is made of: the programs, the daemon, the guests and their system."""
