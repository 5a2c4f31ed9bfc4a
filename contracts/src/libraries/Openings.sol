// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IResultLedger} from "../interfaces/IResultLedger.sol";
import {HashedReceipt} from "../types/Hashed.sol";
import {Opening} from "../types/Statement.sol";
import {Evidence} from "./Evidence.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @notice What those opened who passed an answer, shown to a judge.
library Openings {
    bytes32 private constant ANSWER = keccak256("inference");

    error NotAnAnswer(bytes32 task);
    error WrongCount(uint256 openings, uint256 signatures);
    error NothingOpened(bytes32 claim);
    error OpensAnother(address validator, bytes32 claim, bytes32 transcript);

    /**
     * @notice Checks that these are what all opened who passed the answer in the receipt, in its order, and that it is one
     * transcript; tells who they are. Could some be left out, a ring would give up one of its own, and the others get away.
     */
    function requireOpened(
        IResultLedger ledger,
        HashedReceipt calldata receipt,
        Opening[] calldata openings,
        bytes[] calldata signatures
    ) internal view returns (address[] memory validators) {
        // Of a fine-tune the witness was proved against the worker's own seals.
        if (receipt.task != ANSWER) revert NotAnAnswer(receipt.task);
        uint256 count = openings.length;
        if (count == 0 || count != signatures.length) revert WrongCount(count, signatures.length);
        bytes32 transcript = openings[0].transcript;
        if (transcript == 0) revert NothingOpened(receipt.claim);
        validators = new address[](count);
        for (uint256 i = 0; i < count; i++) {
            validators[i] = openings[i].validator;
            if (openings[i].claim != receipt.claim || openings[i].transcript != transcript) {
                revert OpensAnother(validators[i], openings[i].claim, openings[i].transcript);
            }
            Signatures.requireSigned(ledger, validators[i], TypedData.hashOpening(openings[i]), signatures[i]);
        }
        Evidence.requirePassedBy(receipt, validators);
    }
}
