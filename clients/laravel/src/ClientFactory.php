<?php

namespace Parley\Laravel;

use Parley\Laravel\Http\Client;
use Parley\Laravel\Http\Signer;
use Parley\Laravel\Publishing\Batch;
use Parley\Laravel\Publishing\ChannelCipher;
use Parley\Laravel\Publishing\Publisher;

// One client and one publisher for each configuration, so that the facade and the drivers share a connection. One factory
// for the process.

class ClientFactory
{
    /** Who makes connections on the fly, one for each tenant, does not gather sockets: the least used one is let go. */
    public const KEPT_MAX = 32;

    /** @var array<string, array{0: Client, 1: Publisher, 2: ChannelCipher}> by a digest of the settings; used last is last */
    private array $made = [];

    private Batch $batch;

    public function __construct(?Batch $batch = null)
    {
        $this->batch = $batch ?? new Batch;
    }

    /** @return array{0: Client, 1: Publisher, 2: ChannelCipher} */
    public function parts(
        #[\SensitiveParameter]
        array $config
    ): array {
        $settings = new Settings($config);
        $key = hash('sha256', serialize($settings));
        $parts = $this->made[$key] ?? $this->make($settings);
        unset($this->made[$key]);
        $this->made[$key] = $parts;
        if (count($this->made) > self::KEPT_MAX) {
            unset($this->made[array_key_first($this->made)]);
        }

        return $parts;
    }

    private function make(Settings $settings): array
    {
        $client = new Client($settings, new Signer($settings));
        $cipher = new ChannelCipher($settings->masterKey);

        return [$client, new Publisher($client, $cipher, $this->batch), $cipher];
    }
}
