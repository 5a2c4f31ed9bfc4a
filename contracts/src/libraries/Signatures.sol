// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IResultLedger} from "../interfaces/IResultLedger.sol";

/// @notice What members sign for a ledger, shown to a judge.
library Signatures {
    error BadSignature(address signer, address expected);

    /// @dev Of a signature there is one accepted form, and none of the zero address.
    function requireSigned(IResultLedger ledger, address signer, bytes32 structHash, bytes calldata signature)
        internal
        view
    {
        (address found, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(ledger.digestOf(structHash), signature);
        if (failure != ECDSA.RecoverError.NoError || found != signer) revert BadSignature(found, signer);
    }
}
