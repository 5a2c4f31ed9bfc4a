// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DatanetRegistry} from "../../src/DatanetRegistry.sol";
import {FeeEscrow} from "../../src/FeeEscrow.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {Payout} from "../../src/Payout.sol";
import {ResultLedger} from "../../src/ResultLedger.sol";
import {StakeVault} from "../../src/StakeVault.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Exposed} from "./Exposed.sol";
import {VM} from "./Vm.sol";

/// @notice All contracts, wired as `worker/chain/deploy.ts` wires them, with a few keys to sign with.
abstract contract Base {
    uint64 internal constant WINDOW = 100;
    uint64 internal constant EXIT_DELAY = 1000;
    uint256 internal constant MINIMUM_WEI = 1 ether;
    uint256 internal constant VALIDATOR = 2;

    StakeVault internal vault;
    FeeEscrow internal escrow;
    Payout internal payout;
    ResultLedger internal ledger;
    ModelRegistry internal models;
    DatanetRegistry internal datanets;
    Exposed internal exposed;

    /// Keys of three validators of the same stake, ascending by address.
    uint256[] internal validatorKeys;

    receive() external payable {}

    function deploySystem() internal {
        VM.warp(1_800_000_000);
        exposed = new Exposed();
        address predicted = VM.computeCreateAddress(address(this), VM.getNonce(address(this)) + 3);
        vault = StakeVault(create("StakeVault", abi.encode(MINIMUM_WEI, EXIT_DELAY)));
        escrow = FeeEscrow(create("FeeEscrow", abi.encode(predicted, EXIT_DELAY)));
        payout = Payout(create("Payout", abi.encode(predicted)));
        ledger = ResultLedger(payable(create("ResultLedger", abi.encode(vault, escrow, payout, WINDOW))));
    }

    /// @dev Deploys the very bytes that `worker/chain/deploy.ts` deploys.
    function create(string memory name, bytes memory arguments) internal returns (address deployed) {
        string memory json = VM.readFile("contracts/gen/bytecode.json");
        bytes memory code = bytes.concat(VM.parseJsonBytes(json, string.concat(".", name)), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        require(deployed != address(0), string.concat(name, " was not deployed"));
    }

    function stakeValidators(uint256 count, uint256 stakeWei) internal {
        for (uint256 i = 0; i < count; i++) {
            validatorKeys.push(1000 + i);
        }
        for (uint256 i = 1; i < count; i++) {
            for (uint256 j = i; j > 0 && VM.addr(validatorKeys[j]) < VM.addr(validatorKeys[j - 1]); j--) {
                (validatorKeys[j], validatorKeys[j - 1]) = (validatorKeys[j - 1], validatorKeys[j]);
            }
        }
        for (uint256 i = 0; i < count; i++) {
            stakeFor(validatorKeys[i], VALIDATOR, stakeWei);
        }
    }

    /// @dev This contract becomes the owner.
    function stakeFor(uint256 nodeKey, uint256 roles, uint256 stakeWei) internal {
        VM.deal(address(this), address(this).balance + stakeWei);
        address node = VM.addr(nodeKey);
        vault.stake{value: stakeWei}(node, roles, consent(nodeKey, address(this), roles, vault.member(node).nonce));
    }

    function consent(uint256 nodeKey, address owner, uint256 roles, uint256 nonce)
        internal
        view
        returns (bytes memory)
    {
        bytes32 hash = TypedData.hashNodeConsent(VM.addr(nodeKey), owner, roles, nonce);
        return signature(nodeKey, typed(address(vault), hash));
    }

    function voucher(uint256 payerKey, uint256 cumulativeWei) internal view returns (bytes memory) {
        bytes32 hash = TypedData.hashVoucher(VM.addr(payerKey), cumulativeWei);
        return signature(payerKey, typed(address(escrow), hash));
    }

    function charge(uint256 payerKey, uint256 feeWei, uint256 cumulativeWei) internal view returns (Charge memory) {
        return Charge(VM.addr(payerKey), feeWei, cumulativeWei, voucher(payerKey, cumulativeWei));
    }

    function endorsement(uint256 key, BatchHeader memory header) internal view returns (Endorsement memory) {
        bytes32 hash = TypedData.hashEndorsement(VM.addr(key), exposed.hashHeader(header));
        return Endorsement(VM.addr(key), signature(key, typed(address(ledger), hash)));
    }

    /// @dev By the first `count` validators.
    function endorsements(BatchHeader memory header, uint256 count)
        internal
        view
        returns (Endorsement[] memory signed)
    {
        signed = new Endorsement[](count);
        for (uint256 i = 0; i < count; i++) {
            signed[i] = endorsement(validatorKeys[i], header);
        }
    }

    /// @notice The digest that is signed for a contract, built from EIP-712 alone.
    function typed(address verifier, bytes32 hash) internal view returns (bytes32) {
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Tributary"),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", separator, hash));
    }

    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function equal(uint256 actual, uint256 expected, string memory what) internal pure {
        require(actual == expected, string.concat(what, ": ", VM.toString(actual), " != ", VM.toString(expected)));
    }

    function clamp(uint256 seed, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + seed % (high - low + 1);
    }
}
