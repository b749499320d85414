<?php

namespace Parley\Laravel\Publishing;

use Parley\Laravel\Http\Client;

// Sends publications, at once or, within a batch, gathered into as few calls as the server's limits allow.

class Publisher
{
    /** To more channels than these one call for all is shorter than a place in a batch for each. */
    private const CHANNELS_IN_BATCH_MAX = 4;

    private Client $client;

    private ChannelCipher $cipher;

    private Batch $batch;

    public function __construct(Client $client, ChannelCipher $cipher, ?Batch $batch = null)
    {
        $this->client = $client;
        $this->cipher = $cipher;
        $this->batch = $batch ?? new Batch;
    }

    public function publish(Publication $publication): void
    {
        if ($publication->channels === []) {
            return;
        }
        if ($this->batch->isOpen()) {
            $this->batch->add($this, $publication);
        } else {
            $this->send([$publication]);
        }
    }

    public function batch(): Batch
    {
        return $this->batch;
    }

    /** @param list<Publication> $publications */
    public function send(array $publications): void
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
