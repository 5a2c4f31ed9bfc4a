// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IStakeVault} from "../interfaces/IStakeVault.sol";
import {Approval} from "../types/Approval.sol";

/// @notice Two thirds of the validators' stake under one digest.
library Quorums {
    error BadApproval(address validator);
    error ApprovalsNotAscending(address validator);
    error NoQuorum(uint256 approvedWei, uint256 validatorsWei);

    /// @notice Reverts unless the approvals, ascending by validator, are all good and of two thirds of the stake.
    function requireQuorum(IStakeVault vault, bytes32 digest, Approval[] calldata approvals) internal view {
        address[] memory validators = new address[](approvals.length);
        address last = address(0);
        for (uint256 i = 0; i < approvals.length; i++) {
            address validator = approvals[i].validator;
            if (validator <= last) revert ApprovalsNotAscending(validator);
            last = validator;
            if (!signedBy(validator, digest, approvals[i].r, approvals[i].vs)) revert BadApproval(validator);
            validators[i] = validator;
        }
        uint256 approvedWei = vault.stakeOfValidatorsWei(validators);
        uint256 validatorsWei = vault.validatorsStakeWei();
        // Where nobody validates, nobody's silence is consent.
        if (approvedWei == 0 || approvedWei * 3 < validatorsWei * 2) revert NoQuorum(approvedWei, validatorsWei);
    }

    /// @notice True for a signature of this account's, with a low s; never for the zero address.
    function signedBy(address account, bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, r, vs);
        return failure == ECDSA.RecoverError.NoError && signer == account;
    }
}
