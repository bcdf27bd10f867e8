"""Who sent this: SPF, DKIM, ARC, DMARC and iprev."""
