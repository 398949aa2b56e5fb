// TLS of the gRPC listener.
import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Tls } from '../access/tls.js';

type Provider = experimental.CertificateProvider;
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type AuthorityListener = Parameters<Provider['addCaCertificateListener']>[0];

/** Connections from now on see the certificates that the files hold then. A client without a certificate is refused by the handshake. */
export function credentialsOf(tls: Tls): ServerCredentials {
  if (!tls.current) return ServerCredentials.createInsecure();
  const provider = providerOf(tls);
  const authority = tls.current.ca ? provider : null;
  // First the server's own, then the authority: their order in the types of @grpc/grpc-js 1.14 is the other way round.
  return experimental.createCertificateProviderServerCredentials(provider, authority, authority !== null);
}

function providerOf(tls: Tls): Provider {
  let identity: IdentityListener | undefined;
  let authority: AuthorityListener | undefined;
  const tell = (): void => {
    const { cert, key, ca } = tls.current ?? {};
    if (ca) authority?.({ caCertificate: ca });
    if (cert && key) identity?.({ certificate: cert, privateKey: key });
  };
  tls.onChange(tell);
  // Not at once: the server listens to its credentials only when it has given them its own listener.
  return {
    addIdentityCertificateListener: (listener) => {
      identity = listener;
      queueMicrotask(tell);
    },
    addCaCertificateListener: (listener) => {
      authority = listener;
      queueMicrotask(tell);
    },
    removeIdentityCertificateListener: () => (identity = undefined),
    removeCaCertificateListener: () => (authority = undefined),
  };
}
