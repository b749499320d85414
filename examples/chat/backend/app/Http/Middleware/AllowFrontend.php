<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/** CORS for the pages of config/cors.php: with the visitor's cookie, so never for "*". */
class AllowFrontend
{
    public function handle(Request $request, Closure $next): Response
    {
        $origin = $request->headers->get('Origin');
        $known = $origin !== null && in_array($origin, config('cors.origins'), true);
        $asks = $request->isMethod('OPTIONS') && $request->headers->has('Access-Control-Request-Method');

        $response = $asks ? response('', 204) : $next($request);
        $response->headers->set('Vary', 'Origin', false);
        if (! $known) {
            return $response;
        }
        $response->headers->set('Access-Control-Allow-Origin', $origin);
        $response->headers->set('Access-Control-Allow-Credentials', 'true');
        if ($asks) {
            $response->headers->set('Access-Control-Allow-Methods', 'GET, POST, OPTIONS');
            $response->headers->set('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Requested-With, X-Socket-ID');
            $response->headers->set('Access-Control-Max-Age', '3600');
        }

        return $response;
    }
}
