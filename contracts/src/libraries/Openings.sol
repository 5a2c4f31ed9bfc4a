// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IResultLedger} from "../interfaces/IResultLedger.sol";
import {HashedReceipt} from "../types/Hashed.sol";
import {Opening} from "../types/Statement.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @notice What those opened who passed an answer, shown to a judge.
library Openings {
    bytes32 private constant ANSWER = keccak256("inference");

    error NotAnAnswer(bytes32 task);
    error WrongCount(uint256 openings, uint256 signatures, uint256 passes);
    error NothingOpened(bytes32 claim);
    error OpensAnother(address validator, bytes32 claim, bytes32 transcript);
    error NotPassedBy(address validator);

    /**
     * @notice Checks that all these opened one transcript of the answer in the receipt, and tells who they are.
     * @param passedBy Those who passed the answer. The openings are in their order, so that nobody is named twice.
     */
    function requireOpened(
        IResultLedger ledger,
        HashedReceipt calldata receipt,
        address[] calldata passedBy,
        Opening[] calldata openings,
        bytes[] calldata signatures
    ) internal view returns (address[] memory validators) {
        // Of a fine-tune the witness was proved against the worker's own seals.
        if (receipt.task != ANSWER) revert NotAnAnswer(receipt.task);
        uint256 count = openings.length;
        if (count == 0 || count > passedBy.length || count != signatures.length) {
            revert WrongCount(count, signatures.length, passedBy.length);
        }
        bytes32 transcript = openings[0].transcript;
        if (transcript == 0) revert NothingOpened(receipt.claim);
        validators = new address[](count);
        uint256 next = 0;
        for (uint256 i = 0; i < count; i++) {
            _requireSame(openings[i], receipt.claim, transcript);
            next = _placeOf(passedBy, openings[i].validator, next) + 1;
            bytes32 structHash = TypedData.hashOpening(openings[i]);
            Signatures.requireSigned(ledger, openings[i].validator, structHash, signatures[i]);
            validators[i] = openings[i].validator;
        }
    }

    function _requireSame(Opening calldata opening, bytes32 claim, bytes32 transcript) private pure {
        if (opening.claim != claim || opening.transcript != transcript) {
            revert OpensAnother(opening.validator, opening.claim, opening.transcript);
        }
    }

    /// @param from The first place that is left.
    function _placeOf(address[] calldata passedBy, address validator, uint256 from) private pure returns (uint256) {
        for (uint256 place = from; place < passedBy.length; place++) {
            if (passedBy[place] == validator) return place;
        }
        revert NotPassedBy(validator);
    }
}
