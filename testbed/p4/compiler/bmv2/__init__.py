"""From the intermediate representation to bmv2 JSON, version 2.23 of its format."""
