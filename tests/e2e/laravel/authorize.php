<?php

// A Laravel application as far as /broadcasting/auth goes: Illuminate's Request, its session, and the channel callbacks of
// its RedisBroadcaster, put together as the framework does. Each question is told on stderr as a line of JSON.
//
//   SESSIONS=$(mktemp -d) php -S 127.0.0.1:8000 authorize.php

require_once 'Illuminate/Http/autoload.php';
require_once 'Illuminate/Session/autoload.php';
require_once 'Illuminate/Filesystem/autoload.php';
require_once 'Illuminate/Redis/autoload.php';
require_once 'Illuminate/Broadcasting/autoload.php';
require_once 'Illuminate/Container/autoload.php';

use Illuminate\Broadcasting\Broadcasters\RedisBroadcaster;
use Illuminate\Container\Container;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Redis\RedisManager;
use Illuminate\Session\FileSessionHandler;
use Illuminate\Session\Store;
use Illuminate\Session\TokenMismatchException;
use Symfony\Component\HttpFoundation\Cookie;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;

final class User
{
    public function __construct(public int $id, public string $name, public array $domains)
    {
    }

    public function getAuthIdentifier(): int
    {
        return $this->id;
    }
}

// By their API tokens.
$users = ['ada' => new User(7, 'Ada', [1, 2]), 'grace' => new User(8, 'Grace', [1]), 'linus' => new User(9, 'Linus', [1])];

// routes/channels.php. Behind the number of a domain a test may put what makes the channel its own.
$broadcaster = new RedisBroadcaster(new RedisManager(new Container, 'phpredis', []), null, 'shop_database_');
$broadcaster->channel('App.Models.User.{id}', fn ($user, $id) => (int) $user->id === (int) $id);
$broadcaster->channel('domain.{id}', fn ($user, $id) => in_array((int) $id, $user->domains) ? ['id' => $user->id, 'name' => $user->name] : false);
$broadcaster->channel('order.{customer}.{number}', fn ($user, $customer, $number) => (int) $customer === $user->id && $number !== '13');
$broadcaster->channel('broken.{id}', fn () => throw new RuntimeException('the database is away'));

$request = Request::capture();
$session = new Store('laravel_session', new FileSessionHandler(new Filesystem, getenv('SESSIONS'), 120), $request->cookie('laravel_session'));
$session->start();
$request->setUserResolver(fn () => $users[$request->bearerToken() ?? $session->get('user')] ?? null);

// As the middleware VerifyCsrfToken does.
function verify_token(Request $request, Store $session): void
{
    $token = $request->input('_token') ?: $request->header('X-CSRF-TOKEN');
    if (! is_string($token) || ! hash_equals($session->token(), $token)) {
        throw new TokenMismatchException('CSRF token mismatch.');
    }
}

function authorize(Request $request, RedisBroadcaster $broadcaster, Store $session): Response|JsonResponse
{
    try {
        // Broadcast::routes() leaves that check out; an application may have the route in a group of its own.
        if ($request->is('checked/*')) {
            verify_token($request, $session);
        }
        // What is text becomes a page, says the router.
        return new Response($broadcaster->auth($request), 200, ['Content-Type' => 'text/html']);
    } catch (TokenMismatchException $failure) {
        return new JsonResponse(['message' => $failure->getMessage()], 419);
    } catch (HttpExceptionInterface $failure) {
        return new JsonResponse(['message' => $failure->getMessage()], $failure->getStatusCode());
    } catch (Throwable) {
        return new JsonResponse(['message' => 'Server Error'], 500);
    }
}

if ($request->is('login')) {
    $session->put('user', $request->query('user'));
    $response = (new JsonResponse(['csrf' => $session->token()]))->withCookie(new Cookie('laravel_session', $session->getId()));
} elseif ($request->is('broadcasting/auth', 'checked/broadcasting/auth')) {
    $response = authorize($request, $broadcaster, $session);
    $question = [
        'path' => $request->path(),
        'method' => $request->method(),
        'socket_id' => $request->socket_id,
        'channel' => $request->channel_name,
        'user' => $request->user()?->name,
        'wants_json' => $request->expectsJson(),
        'forwarded' => $request->header('X-Forwarded-For'),
        'status' => $response->getStatusCode(),
        'answer' => $response->getContent(),
    ];
    file_put_contents('php://stderr', json_encode($question)."\n");
} else {
    $response = new Response('', 404);
}
$session->save();
$response->prepare($request)->send();
