<?php

namespace Parley\Laravel\Publishing;

use Closure;
use Parley\Laravel\Http\Client;

// Sends publications, at once or, within batch(), gathered into as few calls as the server's limits allow.

class Publisher
{
    /** To more channels than these one call for all is shorter than a place in a batch for each. */
    private const CHANNELS_IN_BATCH_MAX = 4;

    private Client $client;

    private ChannelCipher $cipher;

    /** @var list<Publication>|null what waits for the end of batch(); null outside of one */
    private ?array $waiting = null;

    public function __construct(Client $client, ChannelCipher $cipher)
    {
        $this->client = $client;
        $this->cipher = $cipher;
    }

    public function publish(Publication $publication): void
    {
        if ($publication->channels === []) {
            return;
        }
        if ($this->waiting !== null) {
            $this->waiting[] = $publication;
        } else {
            $this->send([$publication]);
        }
    }

    /**
     * What is published inside is sent at its end, in order. When it throws, nothing is: a job that is tried again
     * begins anew. A batch within a batch belongs to the outer one.
     *
     * @return mixed what the closure returns
     */
    public function batch(Closure $inside)
    {
        if ($this->waiting !== null) {
            return $inside();
        }
        $this->waiting = [];
        try {
            $result = $inside();
            $publications = $this->waiting;
        } finally {
            $this->waiting = null;
        }
        $this->send($publications);

        return $result;
    }

    /** @param list<Publication> $publications */
    private function send(array $publications): void
    {
        $alone = count($publications) === 1;
        $group = [];
        $bytes = 0;
        $flush = function () use (&$group, &$bytes): void {
            $this->sendGroup($group);
            $group = [];
            $bytes = 0;
        };
        $limits = $this->client->settings();
        foreach ($publications as $publication) {
            [$encrypted, $plain] = $this->parted($publication->channels);
            $together = count($plain) > ($alone ? 1 : self::CHANNELS_IN_BATCH_MAX);
            if ($together) {
                $flush();  // what was published before goes before
                foreach (array_chunk($plain, $limits->batchChannels) as $channels) {
                    $this->client->call('POST', 'events', [], Client::encode($publication->body($channels)));
                }
            }
            foreach ($together ? $encrypted : [...$plain, ...$encrypted] as $channel) {
                $data = ChannelCipher::isEncrypted($channel) ? $this->cipher->encrypt($channel, $publication->data) : null;
                $item = Client::encode($publication->body([$channel], $data));
                if (count($group) >= $limits->batchEvents || ($group !== [] && $bytes + strlen($item) > $limits->batchBytes)) {
                    $flush();
                }
                $group[] = $item;
                $bytes += strlen($item) + 1;
            }
        }
        $flush();
    }

    /** @param list<string> $items JSON */
    private function sendGroup(array $items): void
    {
        if (count($items) === 1) {
            $this->client->call('POST', 'events', [], $items[0]);
        } elseif ($items !== []) {
            $this->client->call('POST', 'batch_events', [], '{"batch":['.implode(',', $items).']}');
        }
    }

    private function parted(array $channels): array
    {
        $channels = array_values(array_unique($channels));

        return [
            array_values(array_filter($channels, fn ($channel) => ChannelCipher::isEncrypted($channel))),
            array_values(array_filter($channels, fn ($channel) => ! ChannelCipher::isEncrypted($channel))),
        ];
    }
}
