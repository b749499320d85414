<?php

namespace App\Exceptions;

use Illuminate\Auth\AuthenticationException;
use Illuminate\Foundation\Exceptions\Handler as ExceptionHandler;
use Illuminate\Validation\ValidationException;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;
use Throwable;

/** Every error is JSON with a `message`, whatever the client said that it accepts: there are no pages here. */
class Handler extends ExceptionHandler
{
    protected function shouldReturnJson($request, Throwable $e)
    {
        return true;
    }

    protected function unauthenticated($request, AuthenticationException $exception)
    {
        return response()->json(['message' => 'You are not signed in'], 401);
    }

    /** The first mistake as the message; Laravel's own only says that there is one. */
    protected function invalidJson($request, ValidationException $exception)
    {
        return response()->json(['message' => $exception->validator->errors()->first(), 'errors' => $exception->errors()], $exception->status);
    }

    /** An error without a sentence says at least what its status means. */
    protected function convertExceptionToArray(Throwable $e)
    {
        $answer = parent::convertExceptionToArray($e);
        if ($answer['message'] === '' && $e instanceof HttpExceptionInterface) {
            $answer['message'] = Response::$statusTexts[$e->getStatusCode()] ?? 'Error';
        }

        return $answer;
    }
}
