<?php

namespace Parley\Laravel\Console;

// Which address a name has. A class, so that a test can ask for a name that has none without asking the network.

class Resolver
{
    public function address(string $host): ?string
    {
        if (filter_var($host, FILTER_VALIDATE_IP)) {
            return $host;
        }
        $found = gethostbyname($host);  // IPv4; returns the name itself when there is none
        if ($found !== $host) {
            return $found;
        }
        $records = @dns_get_record($host, DNS_AAAA);

        return $records[0]['ipv6'] ?? null;
    }
}
