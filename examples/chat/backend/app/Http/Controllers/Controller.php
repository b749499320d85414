<?php

namespace App\Http\Controllers;

use App\Models\Domain;
use App\Models\User;
use Illuminate\Foundation\Validation\ValidatesRequests;
use Illuminate\Http\Request;
use Illuminate\Routing\Controller as BaseController;

abstract class Controller extends BaseController
{
    use ValidatesRequests;

    /** The domain, if this is one of the visitor's; of others nobody is told whether they exist. */
    protected function domainOf(Request $request, string $id): Domain
    {
        /** @var User $user */
        $user = $request->user();
        $domain = $user->domainOf($id);
        abort_unless($domain !== null, 403, 'You are not a member of this domain');

        return $domain;
    }
}
