<?php

namespace App\Models;

use Illuminate\Database\Eloquent\Relations\BelongsToMany;
use Illuminate\Foundation\Auth\User as Authenticatable;

class User extends Authenticatable
{
    protected $fillable = ['name', 'email', 'password', 'admin'];

    protected $hidden = ['password'];

    protected $casts = ['admin' => 'boolean'];

    public $timestamps = false;

    public function domains(): BelongsToMany
    {
        return $this->belongsToMany(Domain::class)->withPivot('last_read_id')->orderBy('domains.id');
    }

    /** `01` is not `1`: it would be another channel, with nothing in it. */
    public function domainOf(string $id): ?Domain
    {
        return preg_match('/^[1-9]\d{0,17}$/D', $id) === 1 ? $this->domains()->whereKey((int) $id)->first() : null;
    }

    public function isMemberOf(int|string $domainId): bool
    {
        return $this->domainOf((string) $domainId) !== null;
    }

    /** As the API and members of presence channels show people. */
    public function card(): array
    {
        return ['id' => $this->id, 'name' => $this->name];
    }
}
