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

    public function isMemberOf(int|string $domainId): bool
    {
        return ctype_digit((string) $domainId) && $this->domains()->whereKey((int) $domainId)->exists();
    }

    /** As the API and members of presence channels show people. */
    public function card(): array
    {
        return ['id' => $this->id, 'name' => $this->name];
    }
}
