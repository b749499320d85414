<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('users', function (Blueprint $table) {
            $table->id();
            $table->string('name');
            $table->string('email')->unique();
            $table->string('password');
            $table->boolean('admin')->default(false);
        });

        Schema::create('domains', function (Blueprint $table) {
            $table->id();
            $table->string('name');
        });

        Schema::create('domain_user', function (Blueprint $table) {
            $table->foreignId('domain_id')->constrained()->cascadeOnDelete();
            $table->foreignId('user_id')->constrained()->cascadeOnDelete();
            // The newest message that this person has read here.
            $table->unsignedBigInteger('last_read_id')->default(0);
            $table->primary(['domain_id', 'user_id']);
            $table->index('user_id');
        });

        Schema::create('messages', function (Blueprint $table) {
            $table->id();
            $table->foreignId('domain_id')->constrained()->cascadeOnDelete();
            $table->foreignId('sender_id')->constrained('users')->cascadeOnDelete();
            $table->text('text');
            $table->uuid('client_id');
            $table->timestamp('created_at', 3);
            $table->index(['domain_id', 'id']);
            // A POST that is sent again is the same message.
            $table->unique(['sender_id', 'client_id']);
        });

        Schema::create('tokens', function (Blueprint $table) {
            $table->id();
            $table->foreignId('user_id')->constrained()->cascadeOnDelete();
            $table->string('hash', 64)->unique();
            $table->timestamp('expires_at')->index();
        });
    }

    public function down(): void
    {
        foreach (['tokens', 'messages', 'domain_user', 'domains', 'users'] as $table) {
            Schema::dropIfExists($table);
        }
    }
};
