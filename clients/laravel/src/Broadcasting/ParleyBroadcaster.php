<?php

namespace Parley\Laravel\Broadcasting;

use Closure;
use Illuminate\Broadcasting\Broadcasters\Broadcaster;
use Illuminate\Broadcasting\Broadcasters\UsePusherChannelConventions;
use Illuminate\Support\Arr;
use Parley\Laravel\Http\Client;
use Parley\Laravel\ParleyException;
use Parley\Laravel\Publishing\ChannelCipher;
use Parley\Laravel\Publishing\IdempotencyKeys;
use Parley\Laravel\Publishing\Publication;
use Parley\Laravel\Publishing\Publisher;
use Parley\Laravel\SocketId;
use Parley\Laravel\UserId;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\BadRequestHttpException;

// The broadcast driver: publishes, and answers who may join a channel and who somebody is.

class ParleyBroadcaster extends Broadcaster
{
    use AuthorizesManyChannels;
    use UsePusherChannelConventions;

    // Laravel 8's parent does not have it.
    protected $authenticatedUserCallback = null;

    private Client $client;

    private Publisher $publisher;

    private ChannelCipher $cipher;

    private IdempotencyKeys $keys;

    public function __construct(Client $client, Publisher $publisher, ChannelCipher $cipher, IdempotencyKeys $keys)
    {
        $this->client = $client;
        $this->publisher = $publisher;
        $this->cipher = $cipher;
        $this->keys = $keys;
    }

    /** @throws ParleyException which is a BroadcastException */
    public function broadcast(array $channels, $event, array $payload = [])
    {
        $socketId = Arr::pull($payload, 'socket');
        $names = $this->formatChannels($channels);
        if ($names === []) {
            return;
        }
        // A page that is not connected yet sends `X-Socket-ID: undefined`. There is nobody to leave out then.
        $socketId = SocketId::isOne($socketId) ? $socketId : null;
        $data = Client::encode($payload, "The payload of {$event}");
        $key = $this->keys->next($names, $event, $data);
        $this->publisher->publish(new Publication($names, $event, $data, $socketId, $key));
    }

    /** One channel (`channel_name`), or several in one call: see AuthorizesManyChannels. */
    public function auth($request)
    {
        return $this->asksForMany($request) ? $this->authorizeMany($request) : $this->authorizeOne($request);
    }

    protected function authorizeOne($request)
    {
        $channel = $request->input('channel_name');
        if (! is_string($channel) || ! $this->isGuardedChannel($channel)) {
            throw new AccessDeniedHttpException('Only private and presence channels are authorised.');
        }
        // What is signed is a text with colons: neither part may smuggle one in.
        if (! preg_match('/\A[A-Za-z0-9_\-=@,.;]{1,1000}\z/', $channel)) {
            throw new BadRequestHttpException('`channel_name` is not valid.');
        }
        $this->socketId($request);
        $name = $this->normalizeChannelName($channel);
        if (! $this->retrieveUser($request, $name)) {
            throw new AccessDeniedHttpException;
        }

        return parent::verifyUserCanAccessChannel($request, $name);
    }

    public function validAuthenticationResponse($request, $result)
    {
        $channel = $request->input('channel_name');
        $socketId = $this->socketId($request);
        $signer = $this->client->signer();
        if (str_starts_with($channel, 'presence-')) {
            // Ids stay numbers where they are: `member.id === user.id` holds in the page.
            $data = Client::encode([
                'user_id' => UserId::of($this->retrieveUser($request, $this->normalizeChannelName($channel))),
                'user_info' => $result,
            ]);
            $answer = ['auth' => $signer->subscription($socketId, $channel, $data), 'channel_data' => $data];
        } else {
            $answer = ['auth' => $signer->subscription($socketId, $channel)];
            if (ChannelCipher::isEncrypted($channel)) {
                $answer['shared_secret'] = $this->cipher->sharedSecret($channel);
            }
        }

        // No JSONP, which Laravel's own driver has: any other site could have a visitor's signature by it.
        return $answer;
    }

    /** `/broadcasting/user-auth`: who this connection is. Without a callback: whom the request is authenticated as. */
    public function resolveAuthenticatedUser($request)
    {
        $socketId = $this->socketId($request);
        $user = $this->authenticatedUserCallback ? ($this->authenticatedUserCallback)($request) : $this->userOf($request);
        if (! $user) {
            return null;
        }
        $data = Client::encode($user);

        return ['auth' => $this->client->signer()->signIn($socketId, $data), 'user_data' => $data];
    }

    public function resolveAuthenticatedUserUsing(Closure $callback)
    {
        $this->authenticatedUserCallback = $callback;
    }

    public function client(): Client
    {
        return $this->client;
    }

    private function userOf($request): ?array
    {
        return ($user = $request->user()) ? ['id' => UserId::of($user)] : null;
    }

    private function socketId($request): string
    {
        $socketId = $request->input('socket_id');
        if (! SocketId::isOne($socketId)) {
            throw new BadRequestHttpException('`socket_id` is missing or not valid.');
        }

        return $socketId;
    }
}
