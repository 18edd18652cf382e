"""Examples that ship with the program: configuration, policy, estate, cron and systemd."""
