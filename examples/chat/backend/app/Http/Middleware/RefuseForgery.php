<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/**
 * Where only a cookie says who somebody is, what changes something must carry a header that a page of another origin
 * cannot send without being allowed to (config/cors.php). Who brings a bearer token has shown more than that.
 */
class RefuseForgery
{
    public function handle(Request $request, Closure $next): Response
    {
        $reads = in_array($request->method(), ['GET', 'HEAD', 'OPTIONS'], true);
        if (! $reads && $request->bearerToken() === null && ! $request->ajax()) {
            abort(403, 'A request with a cookie needs the header X-Requested-With: XMLHttpRequest');
        }

        return $next($request);
    }
}
