<?php

namespace Parley\Laravel\Tests\Support;

// A certificate for 127.0.0.1 that signed itself.

final class Certificate
{
    public string $file;

    public string $keyFile;

    private string $folder;

    public function __construct()
    {
        $this->folder = Folder::temporary();
        $this->file = "{$this->folder}/certificate.pem";
        $this->keyFile = "{$this->folder}/key.pem";
        file_put_contents($config = "{$this->folder}/openssl.cnf", "[req]\ndistinguished_name = dn\ndefault_bits = 2048\n[dn]\n[ext]\nsubjectAltName = IP:127.0.0.1\nbasicConstraints = CA:TRUE\n");
        $options = ['config' => $config, 'x509_extensions' => 'ext', 'private_key_bits' => 2048, 'digest_alg' => 'sha256'];
        $key = openssl_pkey_new($options);
        $certificate = openssl_csr_sign(openssl_csr_new(['commonName' => 'parley'], $key, $options), null, $key, 1, $options);
        openssl_x509_export_to_file($certificate, $this->file);
        openssl_pkey_export_to_file($key, $this->keyFile, null, $options);
    }

    public function remove(): void
    {
        Folder::remove($this->folder);
    }
}
