<?php

namespace Parley\Laravel\Webhooks;

use Illuminate\Http\Request;
use Illuminate\Http\Response;

// The route that the server posts its notices to. Whatever is not answered with 2xx comes again.

final class WebhookController
{
    private Gatekeeper $gatekeeper;

    private Delivery $delivery;

    public function __construct(Gatekeeper $gatekeeper, Delivery $delivery)
    {
        $this->gatekeeper = $gatekeeper;
        $this->delivery = $delivery;
    }

    public function __invoke(Request $request): Response
    {
        try {
            foreach ($this->gatekeeper->notices($request) as $notice) {
                $this->delivery->deliver($notice);
            }
        } catch (Refusal $refusal) {
            return new Response($refusal->getMessage()."\n", $refusal->getCode(), ['Content-Type' => 'text/plain'] + $refusal->headers());
        }

        return new Response('', 200);
    }
}
