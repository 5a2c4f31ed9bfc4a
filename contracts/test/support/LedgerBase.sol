// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchHeader, Charge, Endorsement} from "../../src/types/Batch.sol";
import {Base} from "./Base.sol";
import {hashOf} from "./Settled.sol";
import {VM} from "./Vm.sol";
import {Fault, PLAIN} from "../../src/types/Fault.sol";

/// @notice Three validators, two payers, and batches of theirs.
abstract contract LedgerBase is Base {
    uint256 internal constant STAKE_WEI = 10 ether;

    /// Keys of the payers, ascending by address.
    uint256[] internal payerKeys = [501, 502];

    function setUpLedger() internal {
        deploySystem();
        VM.deal(address(this), 1000 ether);
        stakeValidators(3, STAKE_WEI);
        if (VM.addr(payerKeys[0]) > VM.addr(payerKeys[1])) payerKeys = [502, 501];
        escrow.deposit{value: 100 ether}(VM.addr(payerKeys[0]));
        escrow.deposit{value: 100 ether}(VM.addr(payerKeys[1]));
    }

    /// @notice 1 and 2 OPEN by the two payers; one OPEN less is promised, for rounding may leave some.
    function batch(uint64 number) internal view returns (BatchHeader memory header, Charge[] memory charges) {
        return collecting(number, 1 ether, 0);
    }

    /// @notice A batch that takes what is open, and this and twice this for its own receipts, from the two payers.
    function collecting(uint64 number, uint256 unitWei, uint256 openWei)
        internal
        view
        returns (BatchHeader memory header, Charge[] memory charges)
    {
        charges = new Charge[](2);
        charges[0] = charge(payerKeys[0], unitWei + openWei, 10 ether * uint256(number));
        charges[1] = charge(payerKeys[1], 2 * unitWei, 20 ether * uint256(number));
        header = headerFor(number, 3 * unitWei, charges);
        header.collectedWei = header.feeWei + openWei;
        header.payoutRoot = promising(number, uint256(number) * 3 * unitWei - 1 ether);
    }

    /// @notice A batch that leaves its fees open, on top of those before.
    function leaving(uint64 number, uint256 feeWei, uint256 openBeforeWei)
        internal
        view
        returns (BatchHeader memory header)
    {
        header = headerFor(number, feeWei, new Charge[](0));
        header.charges = 0;
        header.collectedWei = 0;
        header.openWei = openBeforeWei + feeWei;
    }

    /// @notice A Merkle-sum root of nothing in particular, which promises so much.
    function promising(uint256 seed, uint256 sumWei) internal pure returns (bytes32) {
        return bytes32((uint256(keccak256(abi.encode("payouts", seed))) >> 96 << 96) | sumWei);
    }

    function post(uint64 number) internal returns (BatchHeader memory header, Charge[] memory charges) {
        (header, charges) = batch(number);
        post(header, charges);
    }

    function post(BatchHeader memory header, Charge[] memory charges) internal {
        post(header, validatorKeys.length, charges);
    }

    /// @dev With the endorsements of the first `count` validators.
    function post(BatchHeader memory header, uint256 count, Charge[] memory charges) internal {
        Endorsement[] memory signed = endorsements(header, count);
        asPoster();
        ledger.post(header, signed, charges);
    }

    function post(BatchHeader memory header) internal {
        post(header, new Charge[](0));
    }

    function validator(uint256 index) internal view returns (address) {
        return VM.addr(validatorKeys[index]);
    }

    function fault(BatchHeader memory header, address accuser) internal {
        fault(header, PLAIN, accuser);
    }

    function fault(BatchHeader memory header, Fault found, address accuser) internal {
        VM.prank(address(disputes));
        ledger.fault(header.number, hashOf(header), found, accuser);
    }

    /// @dev Cheat codes that warp read no `block.timestamp`, which the compiler takes for a constant.
    function passTime(uint256 seconds_) internal {
        VM.warp(VM.getBlockTimestamp() + seconds_);
    }
}
