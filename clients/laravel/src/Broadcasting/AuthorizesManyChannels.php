<?php

namespace Parley\Laravel\Broadcasting;

use ArrayObject;
use Symfony\Component\HttpFoundation\ParameterBag;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;
use Throwable;

// Several channels in one call, in the two forms there are: `channel_name[]=…` of authorisers for pusher-js, which want
// {"private-a":{"status":200,"data":{…}}}; and {"channels":["…"]} of a Parley with `auth.batch_url`, which wants
// {"channels":{"private-a":{"status":200,…}}}. Each channel is judged for itself.

trait AuthorizesManyChannels
{
    private int $channelsPerCallMax = 100;

    abstract protected function authorizeOne($request);

    protected function asksForMany($request): bool
    {
        return is_array($request->input('channel_name')) || is_array($request->input('channels'));
    }

    /** @return array|ArrayObject */
    protected function authorizeMany($request)
    {
        $byServer = is_array($request->input('channels'));
        $names = array_values($request->input($byServer ? 'channels' : 'channel_name'));
        if (count($names) > $this->channelsPerCallMax) {
            throw new BadRequestHttpException("At most {$this->channelsPerCallMax} channels in one call.");
        }
        $answers = [];
        foreach ($names as $name) {
            if (! is_string($name)) {
                throw new BadRequestHttpException('Channels are named by text.');
            }
            try {
                $proof = $this->authorizeOne($this->requestFor($request, $name));
                $answers[$name] = $byServer ? ['status' => 200] + $this->decision($proof) : ['status' => 200, 'data' => $proof];
            } catch (HttpExceptionInterface $refusal) {
                $answers[$name] = ['status' => $refusal->getStatusCode()];
            } catch (Throwable $error) {
                // A mistake in one channel's callback is no reason to shut the others.
                report($error);
                $answers[$name] = ['status' => 500];
            }
        }

        // Objects of JSON, whatever names there are: `0` and `1` would make a list.
        $answers = new ArrayObject($answers);

        return $byServer ? ['channels' => $answers] : $answers;
    }

    // The server needs no signature, and takes the member as an object.
    private function decision(array $proof): array
    {
        return isset($proof['channel_data']) ? ['channel_data' => json_decode($proof['channel_data'])] : [];
    }

    private function requestFor($request, string $channel)
    {
        $one = clone $request;
        $input = ['socket_id' => $request->input('socket_id'), 'channel_name' => $channel];
        $one->setJson(new ParameterBag($input));  // a clone shares it with its original
        $one->request->replace($input);
        $one->query->replace($input);

        return $one;
    }
}
