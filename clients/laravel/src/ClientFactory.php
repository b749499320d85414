<?php

namespace Parley\Laravel;

use Parley\Laravel\Http\Client;
use Parley\Laravel\Http\Signer;
use Parley\Laravel\Publishing\ChannelCipher;
use Parley\Laravel\Publishing\Publisher;

// One client and one publisher for each configuration, so that the facade and the drivers share a connection and a batch.
// One factory for the process.

class ClientFactory
{
    /** @var array<string, array{0: Client, 1: Publisher, 2: ChannelCipher}> */
    private array $made = [];

    /** @return array{0: Client, 1: Publisher, 2: ChannelCipher} */
    public function parts(array $config): array
    {
        $settings = new Settings($config);
        $key = serialize($settings);
        if (! isset($this->made[$key])) {
            $client = new Client($settings, new Signer($settings));
            $cipher = new ChannelCipher($settings->masterKey);
            $this->made[$key] = [$client, new Publisher($client, $cipher), $cipher];
        }

        return $this->made[$key];
    }
}
